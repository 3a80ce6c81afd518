/** How infinite queries follow the pages of the API: an empty token is the end. */
export const paging = {
  initialPageParam: "",
  getNextPageParam: ({ nextPageToken }: { readonly nextPageToken: string }): string | undefined =>
    nextPageToken === "" ? undefined : nextPageToken,
};
