/** What the `main.ts` of a function exports, as far as its text shows it: for warnings, never for decisions. */
import { exportsFetch } from "../local/endpoint.ts";

/** Which invocations a commit accepts; undefined where only a run decides. */
interface Handlers {
  /** Whether it answers HTTP requests: a named `fetch`, or that property of the default export. */
  readonly fetch: boolean | undefined;
  /** Whether its default export is a function. */
  readonly json: boolean | undefined;
}

const UNKNOWN: Handlers = { fetch: undefined, json: undefined };
const FUNCTION: Handlers = { fetch: false, json: true };

/** Comments, and the content of texts without line breaks; not the slashes of a URL. */
const COMMENT = /\/\*[^]*?\*\/|(?<![:"'`])\/\/[^\n]*/g;
const TEXT = /(["'`])(?:\\.|(?!\1)[^\\\n])*\1/g;
// At the start of a line, patterns read the spaces of that line alone: each of many blank lines would read all of them.
/** Exports whose meaning another module decides: of all names, or of a default under another name. */
const FROM_ELSEWHERE = /^[ \t]*export\s*(?:\*|\{[^}]*\bdefault\b[^}]*\}\s*from\b)/m;
/** A property `fetch` that is added later. */
const ADDED_FETCH = /\.fetch\s*=[^=]/;
const NAME = /^([A-Za-z_$][\w$]*)\s*(?:;|$|\n|satisfies\b|as\b)/;

/** What main.ts of these files exports. */
export function handlersOf(files: ReadonlyMap<string, Uint8Array>): Handlers {
  const bytes = files.get("main.ts");
  if (bytes === undefined) return UNKNOWN;
  const code = withoutComments(new TextDecoder().decode(bytes)).replaceAll(TEXT, '""');
  const { fetch, json } = defaultOf(code);
  if (exportsFetch(files)) return { fetch: true, json };
  const isOpen = FROM_ELSEWHERE.test(code) || ADDED_FETCH.test(code);
  return { fetch: isOpen && fetch === false ? undefined : fetch, json };
}

/** A module without its comments. */
export function withoutComments(text: string): string {
  return text.replaceAll(COMMENT, "");
}

function defaultOf(code: string): Handlers {
  const [declared, ...rest] = code.split(/^[ \t]*export\s+default\s+/m).slice(1);
  if (declared !== undefined) return rest.length > 0 ? UNKNOWN : kindOf(declared, code);
  const [, listed] = /^[ \t]*export\s*\{[^}]*\b([\w$]+)\s+as\s+default\b[^}]*\}(?!\s*from\b)/m
    .exec(code) ?? [];
  if (listed !== undefined) return declarationOf(listed, code);
  return /\bdefault\b[^}]*\}\s*from\b/.test(code) ? UNKNOWN : { fetch: false, json: false };
}

/** What an expression is, by its first words. @param code of the module, for the names in it */
function kindOf(expression: string, code: string): Handlers {
  if (/^(?:async\s+)?function\b/.test(expression) || isArrow(expression)) return FUNCTION;
  if (expression.startsWith("{")) return objectOf(expression);
  if (/^new\s/.test(expression)) return { fetch: undefined, json: false };
  const [, name] = NAME.exec(expression) ?? [];
  return name === undefined ? UNKNOWN : declarationOf(name, code);
}

/** The kind of declaration behind a name of the module. */
function declarationOf(name: string, code: string): Handlers {
  const own = RegExp.escape(name);
  if (
    new RegExp(`^[ \\t]*(?:export\\s+)?(?:async\\s+)?function\\s*\\*?\\s*${own}\\b`, "m").test(code)
  ) {
    return FUNCTION;
  }
  const [, value = ""] = new RegExp(
    `^[ \\t]*(?:export\\s+)?const\\s+${own}\\b[^=;]*=\\s*([^]*)`,
    "m",
  ).exec(code) ?? [];
  // A type with an arrow has an equals sign of its own.
  return value.startsWith(">") ? UNKNOWN : kindOf(NAME.test(value) ? "" : value, code);
}

/** Whether it is an arrow function: a name or a list in brackets, and then the arrow or the type of its result. */
function isArrow(expression: string): boolean {
  const rest = expression.replace(/^async\b\s*/, "");
  if (/^[\w$]+\s*=>/.test(rest)) return true;
  const end = rest.startsWith("(") ? endOf(rest) : undefined;
  return end !== undefined && /^\s*(?::[^;]*?)?=>/.test(rest.slice(end));
}

function objectOf(expression: string): Handlers {
  const content = expression.slice(0, endOf(expression));
  if (/\bfetch\b/.test(content)) return { fetch: true, json: false };
  return { fetch: content.includes("...") ? undefined : false, json: false };
}

const OPENING = "({[";
const CLOSING = ")}]";

/** Where the bracket that begins a text is closed, behind it; undefined if it is not. */
function endOf(text: string): number | undefined {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (OPENING.includes(character)) depth += 1;
    else if (CLOSING.includes(character)) depth -= 1;
    if (depth === 0) return index + 1;
  }
  return undefined;
}
