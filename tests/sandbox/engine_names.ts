/** Names of properties that Deno's own modules use, read from its program, so that no list here can be outdated. */

/** Occurs in every module of Deno that loads others. */
const MARK = "loadExtScript(";
/** Names that are assigned, and all. Modules are stored without line breaks. */
const PATTERNS = {
  assigned: /\.([A-Za-z_$][\w$]{2,})=(?![=>])/g,
  used: /\.([A-Za-z_$][\w$]{2,})/g,
} as const;

/** Accessors with these names change every property descriptor, also those of a trap itself. */
const OF_DESCRIPTORS = ["get", "set", "value", "writable", "enumerable", "configurable"];

let reading: Promise<readonly string[]> | undefined;

async function readModules(): Promise<readonly string[]> {
  const text = new TextDecoder("latin1").decode(await Deno.readFile(Deno.execPath()));
  const modules: string[] = [];
  for (let at = text.indexOf(MARK); at >= 0;) {
    const end = text.indexOf("\n", at);
    modules.push(text.slice(text.lastIndexOf("\n", at), end));
    at = text.indexOf(MARK, end);
  }
  return modules;
}

/** The names, with indices. */
export async function engineNames(kind: keyof typeof PATTERNS): Promise<string[]> {
  const names = new Set(["0", "1", "2", "3", "handle", "_handle", "denoArgs", "nodeBootstrap"]);
  for (const module of await (reading ??= readModules())) {
    for (const [, name = ""] of module.matchAll(PATTERNS[kind])) names.add(name);
  }
  return [...names].filter((name) => !OF_DESCRIPTORS.includes(name));
}
