import { call } from "./client.ts";

const PAGE_SIZE = 100;
const PAGES_MAX = 10;

/** A volume as a choice. */
interface VolumeChoice {
  readonly id: string;
  readonly displayName: string;
}

/** The newest volumes, at most 1,000. Throws `ApiError`. */
export async function readVolumes(signal?: AbortSignal): Promise<readonly VolumeChoice[]> {
  const choices: VolumeChoice[] = [];
  let token = "";
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = { page_size: PAGE_SIZE, page_token: token };
    const { list, nextPageToken } = await call("GET /api/v1/vfs/volumes", {
      query,
      signal,
    });
    choices.push(...list);
    if (nextPageToken === "") break;
    token = nextPageToken;
  }
  return choices;
}
