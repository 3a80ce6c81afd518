import { sdk } from "@c1/functions-sdk";

/** The last error of each connector of an app. */
export default async function main({ appId }: { appId: string }) {
  const { connectorServiceListResponse } = await sdk.connector.list({ appId });
  const errors: string[] = [];
  for (const { connector } of connectorServiceListResponse?.list ?? []) {
    const { connectorServiceGetResponse } = await sdk.connector.get({
      appId,
      id: connector?.id ?? "",
    });
    errors.push(connectorServiceGetResponse?.connectorView?.connector?.status?.lastError ?? "");
  }
  return { errors };
}
