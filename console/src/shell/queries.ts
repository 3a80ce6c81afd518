import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/client.ts";

const MAX_RETRIES = 3;

/** Everything that the page knows of the server. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      gcTime: 5 * 60_000,
      // The server would reject a rejected request again; a server that restarts answers soon.
      retry: (failures, error) =>
        failures < MAX_RETRIES &&
        (!(error instanceof ApiError) || error.status === 0 ||
          error.status >= 500),
    },
  },
});
