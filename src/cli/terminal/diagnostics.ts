import { printable } from "./failure.ts";
import { note, warn } from "./output.ts";

/** A type error or a warning, and its position. */
export interface Diagnostic {
  readonly path?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  readonly message: string;
}

/** `main.ts:2:3: Type 'number' is not assignable to type 'string'.` */
export function formatDiagnostic(
  { path, line, column, message }: Diagnostic,
  painted: (position: string) => string = (text) => text,
): string {
  const position = [path, line, column].filter((part) => part !== undefined).join(":");
  return position === "" ? message : `${painted(position)}: ${message}`;
}

/** Prints warnings of a build on stderr. */
export function noteWarnings(warnings: readonly Diagnostic[]): void {
  for (const warning of warnings) {
    warn(`Warning: ${printable(formatDiagnostic(warning))}`);
  }
}

/** Prints type errors on stderr, below a heading. */
export function noteDiagnostics(heading: string, diagnostics: readonly Diagnostic[]): void {
  warn(heading);
  for (const diagnostic of diagnostics) note(`  ${printable(formatDiagnostic(diagnostic))}`);
}
