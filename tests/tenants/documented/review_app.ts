import { sdk } from "@c1/functions-sdk";

/** The app with a name, and its entitlements: by a list and by a search. */
export default async function main({ name }: { name: string }) {
  const { listAppsResponse } = await sdk.apps.list();
  const { searchAppsResponse } = await sdk.appSearch.search({ query: name });
  const appId = searchAppsResponse?.list?.[0]?.id ?? "";
  const { getAppResponse } = await sdk.apps.get({ id: appId });
  const { listAppEntitlementsResponse } = await sdk.appEntitlements.list({ appId });
  const entitlements = new Set<string>();
  for await (const page of await sdk.appEntitlementSearch.search({ appIds: [appId] })) {
    for (const view of page.appEntitlementSearchServiceSearchResponse?.list ?? []) {
      entitlements.add(view.appEntitlement?.id ?? "");
    }
  }
  return {
    apps: listAppsResponse?.list?.length ?? 0,
    app: getAppResponse?.app?.displayName ?? "",
    users: getAppResponse?.app?.userCount ?? 0,
    hasDate: getAppResponse?.app?.createdAt instanceof Date,
    firstPage: listAppEntitlementsResponse?.list?.length ?? 0,
    entitlements: entitlements.size,
  };
}
