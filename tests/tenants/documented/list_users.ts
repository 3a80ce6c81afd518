import { sdk } from "@c1/functions-sdk";

/** The first page of the users, and all of them by page tokens. */
export default async function main({ pageSize }: { pageSize: number }) {
  const { userServiceListResponse: first } = await sdk.user.list();
  const emails: string[] = [];
  let pageToken: string | null | undefined;
  let pages = 0;
  do {
    const { userServiceListResponse } = await sdk.user.list({
      pageSize,
      ...pageToken ? { pageToken } : {},
    });
    emails.push(...(userServiceListResponse?.list ?? []).map(({ user }) => user?.email ?? ""));
    pageToken = userServiceListResponse?.nextPageToken;
    pages++;
  } while (pageToken);
  return {
    first: first?.list?.length ?? 0,
    pages,
    count: emails.length,
    last: emails.at(-1) ?? "",
  };
}
