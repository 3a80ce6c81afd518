/** Turns Markdown into HTML. */
import { marked } from "npm:marked@18.2.1";

export default () => ({ html: marked.parse("# Hello *Ada*") });
