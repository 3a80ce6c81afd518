/** Reads YAML. */
import { parse } from "npm:yaml@2.9.1";

export default () => parse("name: Ada\nages: [36, 37]\n");
