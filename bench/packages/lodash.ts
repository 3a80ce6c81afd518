/** Groups people by their team. */
import _ from "npm:lodash@4.18.1";

export default () => _.mapValues(_.groupBy([{ team: "a", name: "Ada" }], "team"), "length");
