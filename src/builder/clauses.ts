/** Reads the clauses of import and export statements, as the bundler prints them. */

/** `from as to`: an imported or exported name, and its new name. */
export interface Rename {
  readonly from: string;
  readonly to: string;
}

/** The part between `import` or `export` and `from`. Names are source text: identifiers or string literals. */
interface Clause {
  /** `x` of `import x from`. */
  readonly defaultName: string | undefined;
  /** `x` of `* as x`. */
  readonly namespace: string | undefined;
  /** `*` alone. */
  readonly star: boolean;
  /** `{a, b as c}`. */
  readonly names: readonly Rename[];
  /** Offset behind the clause. */
  readonly end: number;
}

// A group takes memory for each repetition, so no group repeats for each character, comment or run of spaces.
const SPACE = /\s+|\/\/[^\n]*|\/\*[^]*?\*\//uy;
const STRING = String.raw`"[^"\\\n]*(?:\\[^][^"\\\n]*)*"|'[^'\\\n]*(?:\\[^][^'\\\n]*)*'`;
const LETTER = String.raw`[\p{ID_Continue}$\u200c\u200d]`;
const ESCAPE = String.raw`\\u[\da-fA-F]{4}|\\u\{[\da-fA-F]+\}`;
const NAME = `(?:${LETTER}|${ESCAPE})${LETTER}*(?:(?:${ESCAPE})${LETTER}*)*`;
const TOKEN = new RegExp(`${STRING}|${NAME}|[{},*]`, "uy");

/** Reads the clause at `start`, the offset behind the keyword `import` or `export`. */
export function readClause(text: string, start: number): Clause | undefined {
  const reader = new Reader(text, start);
  let defaultName: string | undefined;
  let namespace: string | undefined;
  let names: readonly Rename[] = [];
  let star = false;
  let token = reader.next();
  if (token !== undefined && isName(token)) {
    defaultName = token;
    token = reader.next();
    if (token === ",") token = reader.next();
  }
  if (token === "{") {
    names = readNames(reader);
  } else if (token === "*") {
    star = reader.next() !== "as";
    if (!star) namespace = reader.next();
  } else if (defaultName === undefined) {
    return undefined;
  }
  return { defaultName, namespace, star, names, end: reader.position };
}

function readNames(reader: Reader): Rename[] {
  const names: Rename[] = [];
  let parts: string[] = [];
  for (let token = reader.next(); token !== undefined; token = reader.next()) {
    if (token !== "," && token !== "}") {
      parts.push(token);
      continue;
    }
    const [from, , to = from] = parts;
    if (from !== undefined && to !== undefined) names.push({ from, to });
    parts = [];
    if (token === "}") break;
  }
  return names;
}

function isName(token: string): boolean {
  return !/^["'{},*]/.test(token);
}

class Reader {
  constructor(private readonly text: string, public position: number) {}

  next(): string | undefined {
    const start = this.position;
    while (this.#read(SPACE) !== undefined);
    const token = this.#read(TOKEN);
    if (token === undefined) this.position = start;
    return token;
  }

  #read(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const [found] = pattern.exec(this.text) ?? [];
    if (found !== undefined) this.position = pattern.lastIndex;
    return found;
  }
}
