/** Compiles a template at the top of the module, and fills it. */
import Handlebars from "npm:handlebars@4.7.10";

const template = Handlebars.compile("Hello {{name}}");

export default () => ({ text: template({ name: "Ada" }) });
