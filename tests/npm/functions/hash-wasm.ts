/** Hashes with WebAssembly that the package carries. */
import { argon2id, xxhash64 } from "npm:hash-wasm@4.13.0";

export default async function main() {
  return {
    xxhash: await xxhash64("hello"),
    argon2: await argon2id({
      password: "password",
      salt: new TextEncoder().encode("a salt of 16 byt"),
      parallelism: 1,
      iterations: 2,
      memorySize: 256,
      hashLength: 16,
    }),
  };
}
