/** What a check of types found, at the place where it found it. */
export interface Diagnostic {
  readonly path?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  readonly message: string;
}

/** `main.ts:2:3: Type 'number' is not assignable to type 'string'.` */
export function formatDiagnostic(
  { path, line, column, message }: Diagnostic,
  painted: (place: string) => string = (place) => place,
): string {
  const place = [path, line, column].filter((part) => part !== undefined).join(":");
  return place === "" ? message : `${painted(place)}: ${message}`;
}

/** `2 type errors` */
export function countOfTypeErrors(diagnostics: readonly unknown[]): string {
  return diagnostics.length === 1 ? "1 type error" : `${diagnostics.length} type errors`;
}
