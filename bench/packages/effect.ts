/** Runs a program that may fail. */
import { Effect } from "npm:effect@4.1.0";

const divide = (a: number, b: number) =>
  b === 0 ? Effect.fail(new Error("division by zero")) : Effect.succeed(a / b);

export default async () => ({ result: await Effect.runPromise(divide(6, 3)) });
