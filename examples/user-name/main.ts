import { type JSONObject, vfs } from "@c1/functions-sdk";
import { candidates } from "./candidates.ts";

/**
 * Gives a person a user name that is not taken, and keeps it on the attached volume.
 * Input: `{ givenName, familyName }`.
 */
export default async function main(input: JSONObject): Promise<JSONObject> {
  const [givenName, familyName] = [text(input, "givenName"), text(input, "familyName")];
  await vfs.mkdir("/names", { recursive: true });
  for (const userName of candidates(givenName, familyName)) {
    if (!await reserve(userName, { givenName, familyName })) continue;
    console.log("reserved", userName);
    return { userName };
  }
  throw new Error("unreachable: candidates do not end");
}

/**
 * Whether the name was free, and now is taken. Of two invocations that reserve the same name at the same time, the second
 * one to end fails with VFS_CONFLICT and reserves nothing: call the function again.
 */
async function reserve(userName: string, person: JSONObject): Promise<boolean> {
  try {
    await vfs.writeTextFile(`/names/${userName}`, JSON.stringify(person), { createNew: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

function text(input: JSONObject, field: string): string {
  const value = input[field];
  if (typeof value === "string") return value;
  throw new TypeError(`${field} must be a text`);
}
