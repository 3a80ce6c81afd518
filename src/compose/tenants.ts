/** Builds what functions reach C1 tenants through. */
import type { Config } from "../config/mod.ts";
import type { Ids } from "../domain/ids.ts";
import type { Pages } from "../domain/paging.ts";
import { Tenants } from "../domain/tenants/tenants.ts";
import type { Store } from "../store/mod.ts";
import type { Sealer } from "../store/sealing.ts";
import { TenantError } from "../tenants/contract.ts";

interface TenantParts {
  readonly config: Config;
  readonly store: Store;
  readonly sealer: Sealer;
  readonly pages: Pages;
  readonly ids: Ids;
}

/** The tenants of the server. */
export function openTenants({ config, ...parts }: TenantParts): Tenants {
  return new Tenants({
    ...parts,
    transports: {
      of: ({ host }) => ({
        send: () => {
          throw new TenantError("TENANT_UNREACHABLE", `this server does not call ${host} yet`);
        },
      }),
    },
    allowsAddresses: (config.egress.allowPrivate ?? []).length > 0,
  });
}
