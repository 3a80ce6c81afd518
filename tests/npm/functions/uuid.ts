/** Makes name-based, random and time-ordered identifiers. */
import { v4, v5, v7, validate, version } from "npm:uuid@14.0.3";

export default function main() {
  return {
    named: v5("example.com", v5.DNS),
    random: validate(v4()),
    versions: [version(v4()), version(v7())],
  };
}
