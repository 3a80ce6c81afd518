import { parse } from "jsonc-parser";

/** The names of packages that `deno.json` and `package.json` declare; none of a file that is no JSON yet. */
export function aliasesOf(files: Readonly<Record<string, string>>): readonly string[] {
  const deno = parse(files["deno.json"] ?? files["deno.jsonc"] ?? "{}") ?? {};
  const npm = parse(files["package.json"] ?? "{}") ?? {};
  const names = [deno.imports, npm.dependencies, npm.devDependencies].flatMap(keysOf);
  return names.filter((name) => !name.startsWith(".") && !name.startsWith("@c1/"));
}

function keysOf(value: unknown): readonly string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}
