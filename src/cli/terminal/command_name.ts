/**
 * How a shell runs this installation. Texts name the command `invoked`, which a clone, a global installation, the image
 * and the Debian package have on the PATH; npm in a project and npx have it nowhere.
 */
import { basename, dirname, join, relative, resolve } from "node:path";
import { installed, IS_RELEASE } from "../../shared/installation.ts";
import { quoteForShell } from "./shell.ts";

const NAME = "invoked";

/** The first words of all commands. `COMMANDS` may have no other. */
export const COMMAND_WORDS = [
  ...["init", "dev", "test", "check"],
  ...["deploy", "diff", "publish", "rollback", "pull"],
  ...["invoke", "cancel", "replay", "dead-letters", "circuit-breaker", "logs", "history", "show"],
  ...["list", "tag", "secrets", "trigger", "settings", "usage", "delete", "purge", "volumes"],
  ...["principals", "credentials", "users", "roles", "bind", "tenants"],
  ...["login", "logout", "whoami", "token", "console"],
  ...["serve", "worker", "config", "doctor", "backup", "restore", "verify", "resume", "cluster"],
  ...["keys", "db", "clients", "providers", "trusts", "alerts", "audit"],
  ...["version", "completions"],
] as const;

/** `invoked test` and, in a line about usage, `invoked [options]`. */
const COMMAND = new RegExp(`\\b${NAME} (?=(?:${COMMAND_WORDS.join("|")})\\b|\\[)`, "g");

/** A text with its commands as the reader's shell runs them. */
export function withCommandName(text: string): string {
  return text.replace(COMMAND, () => `${commandName()} `);
}

function commandName(): string {
  const modules = dirname(installed("."));
  const program = join(modules, ".bin", NAME);
  if (!IS_RELEASE || basename(modules) !== "node_modules" || !isFile(program)) return NAME;
  const project = dirname(modules);
  const packed = packedFile(project);
  // npx would run an absolute path as a program, if it were not named as a package.
  if (packed !== undefined) return `npx --package=${quoteForShell(packed)} ${NAME}`;
  const isBelow = !relative(project, Deno.cwd()).startsWith("..");
  return isBelow ? `npx ${NAME}` : quoteForShell(program);
}

/** The packed file that `npx` was given, which notes it in the folder that it makes; undefined in other folders. */
function packedFile(project: string): string | undefined {
  try {
    const { _npx, dependencies } = JSON.parse(Deno.readTextFileSync(join(project, "package.json")));
    const file = /^file:(.+)/.exec(dependencies?.[NAME] ?? "")?.[1];
    if (_npx === undefined || file === undefined) return undefined;
    const path = resolve(project, file);
    return isFile(path) ? path : undefined;
  } catch {
    // A project may have no package.json, or any.
    return undefined;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
