/** Reads the files that settings name; errors name the flag and the path. */
import { Secret } from "../config/mod.ts";

/** The first line of the file. @throws Error if the file cannot be read, or its first line is empty */
export async function readSecretFile(flag: string, path: string): Promise<Secret> {
  const [line = ""] = (await readSettingFile(flag, path)).split("\n", 1);
  const secret = line.trim();
  if (secret === "") throw new Error(`invalid ${flag}: the first line of ${path} is empty`);
  return new Secret(secret);
}

/** Certificates in PEM. @throws Error if the file cannot be read, or has none */
export async function readCertificates(flag: string, path: string): Promise<string> {
  const text = await readSettingFile(flag, path);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new Error(`invalid ${flag}: ${path} has no certificate in PEM`);
}

async function readSettingFile(flag: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`invalid ${flag}: failed to read ${path}: ${reason}`);
  }
}
