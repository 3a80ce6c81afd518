/** Groups and sorts; CommonJS, by its default export and by a file of the package. */
import _ from "npm:lodash@4.18.1";
import debounce from "npm:lodash@4.18.1/debounce.js";

export default async function main() {
  const people = [{ team: "a", name: "Ada" }, { team: "b", name: "Bob" }, {
    team: "a",
    name: "Cy",
  }];
  const groups = _.mapValues(_.groupBy(people, "team"), (group) => _.map(group, "name"));
  let calls = 0;
  const once = debounce(() => calls++, 5);
  once();
  once();
  await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    groups,
    chunks: _.chunk([1, 2, 3], 2),
    text: _.template("<%= a %>!")({ a: "b" }),
    calls,
  };
}
