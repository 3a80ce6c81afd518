/** Reads XML with attributes, validates it, and writes it. */
import { XMLBuilder, XMLParser, XMLValidator } from "npm:fast-xml-parser@5.12.1";

export default function main() {
  const parser = new XMLParser({ ignoreAttributes: false });
  const { users } = parser.parse(`<users><user id="1">Ada</user><user id="2">Bob</user></users>`);
  const invalid = XMLValidator.validate("<a><b></a>");
  return {
    users: users.user,
    invalid: invalid === true ? "" : invalid.err.code,
    written: new XMLBuilder().build({ user: { name: "Cy" } }),
  };
}
