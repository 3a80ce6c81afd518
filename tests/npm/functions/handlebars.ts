/** Fills a template with a loop, a helper and a partial; escapes HTML. */
import Handlebars from "npm:handlebars@4.7.10";

export default function main() {
  Handlebars.registerHelper("upper", (text: string) => text.toUpperCase());
  Handlebars.registerPartial("item", "<li>{{upper name}}</li>");
  const template = Handlebars.compile("<ul>{{#each users}}{{> item}}{{/each}}</ul>{{note}}");
  return { html: template({ users: [{ name: "Ada" }, { name: "<b>" }], note: "a & b" }) };
}
