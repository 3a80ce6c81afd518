/** Compiles a schema at the top of the module, and checks an input. */
import { Ajv } from "npm:ajv@8.20.0";

const validate = new Ajv().compile({ type: "object", properties: { age: { type: "integer" } } });

export default () => ({ valid: validate({ age: 36 }) });
