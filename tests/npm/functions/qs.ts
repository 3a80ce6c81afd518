/** Reads and writes nested query strings. */
import qs from "npm:qs@6.17.1";

export default function main() {
  return {
    read: qs.parse("filter[team]=a&ids[]=1&ids[]=2"),
    written: qs.stringify({ a: { b: ["c d"] } }, { encodeValuesOnly: true }),
  };
}
