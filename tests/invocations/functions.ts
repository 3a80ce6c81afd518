/** Functions that several tests deploy. */

/** Returns its input. */
export const ECHO = "export default (input) => input;";

/** Runs until it is killed, without using the processor. */
export const HANG = `export default () => {
  console.log("up");
  setInterval(() => {}, 1000);
  return new Promise(() => {});
};`;

/** Takes `ms`, says its process at the start, and returns a number that no other process has. */
export const SLEEP = `const id = crypto.randomUUID();
export default async ({ ms }) => {
  console.log("up");
  await new Promise((resolve) => setTimeout(resolve, ms));
  return { id };
};`;

/** Returns its variables. */
export const VARIABLES = `import { functions } from "@c1/functions-sdk";
export default () => ({ ...functions.getConfig().variables });`;
