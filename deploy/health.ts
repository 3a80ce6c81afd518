/** The health check of the image: ends with exit code 0 if the server of this container answers, and otherwise with 1. */

/** A health check sees the variables of the container, and not the flags of its server. */
const port = Deno.env.get("INVOKED_PORT") ?? "";

/** The server speaks one of them, as `--tls-cert` has it. */
for (const scheme of ["http", "https"]) {
  try {
    const { ok } = await fetch(`${scheme}://127.0.0.1:${port}/healthz`);
    Deno.exit(ok ? 0 : 1);
  } catch {
    // The port speaks the other one, or nothing listens.
  }
}
Deno.exit(1);
