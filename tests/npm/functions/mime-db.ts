/** Imports the JSON file that the package is, and one of the function's own. */
import types from "npm:mime-db@1.54.0/db.json" with { type: "json" };
import own from "./own.json" with { type: "json" };

export default function main() {
  return { pdf: types["application/pdf"].extensions, own: own.name };
}
