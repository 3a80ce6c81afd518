/** Turns Markdown into HTML. */
import { marked } from "npm:marked@18.2.1";

export default function main() {
  return { html: marked.parse("# Hi\n\n- *a*\n- `b`\n") };
}
