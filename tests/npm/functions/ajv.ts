/** Compiles a JSON schema to code and validates with it. */
import { Ajv } from "npm:ajv@8.20.0";

export default function main() {
  const validate = new Ajv({ allErrors: true }).compile({
    type: "object",
    properties: { name: { type: "string" }, age: { type: "integer", minimum: 0 } },
    required: ["name"],
  });
  const good = validate({ name: "Ada", age: 36 });
  validate({ age: -1 });
  return { good, wrong: validate.errors?.map(({ keyword }) => keyword) };
}
