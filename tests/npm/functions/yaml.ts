/** Reads YAML with an anchor, changes it, and writes it with its comment. */
import { parse, parseDocument } from "npm:yaml@2.9.1";

export default function main() {
  const text = "# teams\na: &x [Ada]\nb: *x\n";
  const document = parseDocument(text);
  document.set("c", 3);
  return { value: parse(text), written: document.toString() };
}
