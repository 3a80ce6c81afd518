import { sdk } from "@c1/functions-sdk";

/** The department of the user with an address, and the sizes of the pages of all users. */
export default async function main({ email }: { email: string }) {
  const { searchUsersResponse } = await sdk.userSearch.search({ query: email });
  const found = (searchUsersResponse?.list ?? []).map(({ user }) => user?.department ?? "");
  const pages: number[] = [];
  for await (const page of await sdk.userSearch.search({ pageSize: 10 })) {
    pages.push(page.searchUsersResponse?.list?.length ?? 0);
  }
  return { found, pages };
}
