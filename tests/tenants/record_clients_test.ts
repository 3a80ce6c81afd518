/** With whose client `--record` calls which tenant. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { assertFails } from "../cli/support.ts";
import { loopbackCertificate } from "../support/certificates.ts";
import { makeTempDir, runInvoked } from "../support/invoked.ts";
import { startExampleTenant } from "./example_client.ts";
import { Folder, notesOf } from "./support/recording_folder.ts";

Deno.test("--record calls the tenant of invoked.json alone", async (t) => {
  await using tenant = await startExampleTenant();
  await using directory = await makeTempDir();
  const { caFile } = await loopbackCertificate();
  const { host, clientId, clientSecret } = tenant.credentials;
  const folder = await Folder.make(directory.path, { id: "acme" });
  const record = ["test", "--record", "recording"];
  const egress = ["--egress-allow-private", "127.0.0.0/8", "--egress-ca", caFile];
  const client = {
    HOME: directory.path,
    CONDUCTORONE_CLIENT_ID: clientId,
    CONDUCTORONE_CLIENT_SECRET: clientSecret,
  };
  await t.step("variables for another tenant do not count", async () => {
    for (
      const other of [
        { CONDUCTORONE_TENANT_DOMAIN: "beta", CONDUCTORONE_SERVER_URL: `https://${host}` },
        { CONDUCTORONE_SERVER_URL: `https://${host}` },
        {},
      ]
    ) {
      const run = await folder.run([...record, ...egress], { ...client, ...other });
      assertFails(
        run,
        2,
        /client of tenant acme: .* variables are not for it/,
        /login --tenant acme/,
      );
    }
  });
  await t.step("what a connection needs is named with flags of the command", async () => {
    const ofAcme = {
      CONDUCTORONE_TENANT_DOMAIN: "acme",
      CONDUCTORONE_SERVER_URL: `https://${host}`,
    };
    const run = await folder.run([...record, ...egress.slice(0, 2)], { ...client, ...ofAcme });
    const next = /give this command --egress-allow-private .*--egress-ca FILE/;
    assertFails(run, 4, /certificate.* \(TENANT_UNREACHABLE\)/, next);
  });
  await t.step("the profile with the name of the tenant does", async () => {
    const login = ["login", "--tenant", `https://${host}`, "--profile", "acme", "--ca", caFile];
    const signedIn = await runInvoked([...login, "--client-id", clientId], {
      env: { HOME: directory.path },
      stdin: clientSecret,
    });
    assert.equal(signedIn.code, 0, signedIn.stderr);
    // The profile has the certificate of its authority.
    const run = await folder.run([...record, ...egress.slice(0, 2)], { HOME: directory.path });
    const notes = notesOf(run);
    const recording = `Recording the answers of ${host} with access READ, as client ${clientId} (`;
    assert.ok(notes.includes(recording), notes);
    assert.match(notes, /^Recorded 2 calls of 2 operations/m);
  });
  await t.step("a function changes the tenant only if the user agrees", async () => {
    const home = { HOME: directory.path };
    const setting = { id: "acme", access: "WRITE" };
    await folder.write("invoked.json", JSON.stringify({ name: "writer", tenant: setting }));
    await Deno.remove(join(folder.path, "recording"), { recursive: true });
    const asked = await folder.run([...record, ...egress], home);
    assertFails(asked, 2, /No answer to "Let the function change tenant /, /give --yes/);
    assert.ok(asked.stderr.includes(`Recording the answers of ${host} with access WRITE`));
    await assert.rejects(Deno.stat(join(folder.path, "recording")), Deno.errors.NotFound);
    const notes = notesOf(await folder.run([...record, "--yes", ...egress], home));
    assert.match(notes, /\(profile acme\)\n[^]*^Recorded 2 calls of 2 operations/m);
    assertFails(await folder.run(["test", "--yes"]), 2, /--yes has no effect without --record/);
  });
});
