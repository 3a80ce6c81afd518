/** How long the pages of a list that nobody sees are kept for who comes back to it, in ms. */
const KEPT = 30 * 60_000;

/** How infinite queries follow the pages of the API: an empty token is the end. */
export const paging = {
  gcTime: KEPT,
  initialPageParam: "",
  getNextPageParam: ({ nextPageToken }: { readonly nextPageToken: string }): string | undefined =>
    nextPageToken === "" ? undefined : nextPageToken,
};
