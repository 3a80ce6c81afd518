/** Makes a random identifier, and one of a name. */
import { v4, v5, validate } from "npm:uuid@14.0.3";

export default () => ({ valid: validate(v4()), named: v5("example.com", v5.DNS) });
