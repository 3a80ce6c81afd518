/** A function whose types need about 500 MiB to check, in a few lines. */

/** Unions of 65,536 strings each; with 100,000 the compiler would report an error. */
const UNIONS = Array.from(
  { length: 20 },
  (_, n) => `export const x${n}: \`${n}-\${H}\${H}\${H}\${H}\` = "${n}-0000";\n`,
);

/** Its files by path. */
export const HUGE_TYPES = {
  "main.ts": `import "./types.ts";\nexport default () => ({ message: "done" });\n`,
  "types.ts": `type H = ${Array.from("0123456789abcdef", (digit) => `"${digit}"`).join(" | ")};\n${
    UNIONS.join("")
  }`,
} as const;

/**
 * The environment of a server or command that cannot check them, and reaches its limit of time on no busy machine. Types
 * of an ordinary function need 170 MiB.
 */
export const LITTLE_CHECK_MEMORY = {
  INVOKED_CHECK_MEMORY: "256MiB",
  INVOKED_BUILD_TIMEOUT: "10m",
} as const;

/** What users read: a compiler without memory may crash before it can report so. */
export const UNCHECKED_MESSAGE =
  /the (?:type check needs more memory than its limit of 256 MiB \(--check-memory\)|compiler was killed by signal \d+; the type check may need more memory than its limit of 256 MiB \(--check-memory\), or than the machine has)/;
