/** Hashes a password and compares it, by promise and at once. */
import bcrypt from "npm:bcryptjs@3.0.3";

export default async function main() {
  const hash = await bcrypt.hash("correct horse", 4);
  return {
    right: await bcrypt.compare("correct horse", hash),
    wrong: bcrypt.compareSync("battery staple", hash),
    rounds: bcrypt.getRounds(hash),
  };
}
