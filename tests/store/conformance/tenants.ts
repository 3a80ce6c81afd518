/** C1 tenants and their credentials. */
import assert from "node:assert/strict";
import type { TenantCredentialRow, TenantRow } from "../../../src/store/tenants.ts";
import { functionRow, id, type Steps, time } from "./rows.ts";

function tenant(second: number, name: string, host: string): TenantRow {
  return { id: id(second), name, host, isExample: 0, createdAt: time(second), updatedAt: time(0) };
}

function credential(second: number, tenantId: string): TenantCredentialRow {
  return {
    id: id(second),
    tenantId,
    clientId: `client-${second}@acme.example/spc`,
    sealedSecret: new Uint8Array([second, 0, 255]),
    createdAt: time(second),
    updatedAt: time(second),
  };
}

/** The rows with their secrets as the same kind of bytes on every database. */
function plain(rows: readonly TenantCredentialRow[]): TenantCredentialRow[] {
  return rows.map((row) => ({ ...row, sealedSecret: Uint8Array.from(row.sealedSecret) }));
}

const ACME = tenant(1, "Acme", "acme.example");
const OTHER = tenant(2, "other", "other.example:8443");

export const TENANTS: Steps = {
  "tenants are found by id, by host, and by name whatever its case": async (store) => {
    await store.write(async ({ tenants }) => {
      await tenants.insert(ACME);
      await tenants.insert(OTHER);
    });
    const { tenants } = store.read;
    assert.deepEqual(await tenants.get(ACME.id), ACME);
    assert.equal(await tenants.get(id(9)), undefined);
    assert.deepEqual(await tenants.named({ name: "aCME", host: "none" }), [ACME]);
    assert.deepEqual(await tenants.named({ name: "none", host: OTHER.host }), [OTHER]);
    assert.equal(await tenants.count(), 2);
    const page = await tenants.list({ size: 1, after: undefined });
    assert.deepEqual(page, { rows: [OTHER], next: OTHER.id });
    assert.deepEqual((await tenants.list({ size: 1, after: page.next })).rows, [ACME]);
  },

  "two tenants cannot have one host": async (store) => {
    const again = store.write(({ tenants }) => tenants.insert(tenant(3, "third", ACME.host)));
    await assert.rejects(again, /unique/i);
  },

  "credentials are replaced and removed, and readers see it at once": async (store) => {
    const [first, second] = [credential(4, ACME.id), credential(5, ACME.id)];
    await store.write(async ({ tenants }) => {
      await tenants.insertCredential(second);
      await tenants.insertCredential(first);
    });
    const { tenants } = store.read;
    assert.deepEqual(plain(await tenants.credentials(ACME.id)), [first, second]);
    const changed = { clientId: "new", sealedSecret: new Uint8Array([1]), updatedAt: time(7) };
    await store.write((tx) => tx.tenants.updateCredential(first.id, changed));
    const rotated = { ...first, ...changed };
    assert.deepEqual(plain(await tenants.credentials(ACME.id)), [rotated, second]);
    await store.write((tx) => tx.tenants.deleteCredential(second.id));
    assert.deepEqual(plain(await tenants.credentialsOf([ACME.id, OTHER.id])), [rotated]);
    assert.deepEqual(plain(await tenants.allCredentials()), [rotated]);
    await store.write((tx) => tx.tenants.update(ACME.id, { name: "renamed" }));
    assert.equal((await tenants.get(ACME.id))?.name, "renamed");
  },

  "a tenant with credentials cannot be deleted, and without them it can": async (store) => {
    await assert.rejects(store.write(({ tenants }) => tenants.delete(ACME.id)), /foreign key/i);
    await store.write(({ tenants }) => tenants.delete(OTHER.id));
    assert.equal(await store.read.tenants.get(OTHER.id), undefined);
  },

  "functions are found by their tenant unless they are deleted": async (store) => {
    const of = (tenantId: string) => JSON.stringify({ id: tenantId, access: "READ" });
    await store.write(async ({ functions }) => {
      await functions.insert(functionRow({ id: id(11), tenant: of(ACME.id) }));
      await functions.insert(functionRow({ id: id(12), tenant: of(OTHER.id) }));
      await functions.insert(functionRow({ id: id(13), tenant: of(ACME.id), deletedAt: time(1) }));
      await functions.insert(functionRow({ id: id(14) }));
    });
    const found = await store.read.functions.ofTenant(ACME.id);
    assert.deepEqual(found.map((fn) => fn.id), [id(11)]);
  },
};
