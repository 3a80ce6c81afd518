/** Hashes a password, with a native library. */
import bcrypt from "npm:bcrypt@6.0.0";

export default async function main() {
  return { right: await bcrypt.compare("x", await bcrypt.hash("x", 4)) };
}
