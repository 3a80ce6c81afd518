/** Checks an input against a schema, and reports what is wrong with another. */
import { z } from "npm:zod@4.6.7";

const User = z.object({ name: z.string().min(2), email: z.email(), age: z.coerce.number().int() });

export default function main() {
  const good = User.parse({ name: "Ada", email: "ada@example.com", age: "36" });
  const bad = User.safeParse({ name: "A", email: "nobody", age: 1 });
  return { good, wrong: bad.error?.issues.map(({ path }) => path.join(".")) ?? [] };
}
