import type { Store } from "../../store/mod.ts";
import { operationLabel, TenantError, type TenantTransport } from "../../tenants/contract.ts";
import { assertRecordingSize } from "../../tenants/recording/format.ts";
import { RecordingError } from "../../tenants/recording/recording_error.ts";
import { ReplayTransport } from "../../tenants/recording/replay.ts";
import type { RecordingFile } from "./run_fixtures.ts";

/**
 * Answers from the recording that the tests of a run declare. The recording is read at the first call, and all tests
 * share its answers: equal requests of several tests get them in their order.
 */
export class RecordedTenant implements TenantTransport {
  #last:
    | { readonly files: readonly RecordingFile[]; readonly replay: Promise<ReplayTransport> }
    | undefined;

  constructor(
    private readonly store: Pick<Store, "commitBlobs">,
    /** The files of the recording; undefined if the tests declare none. */
    private readonly files: () => readonly RecordingFile[] | undefined,
  ) {}

  /** @throws {TenantError} TENANT_NOT_RECORDED; without a recording TENANT_NOT_CALLED */
  send: TenantTransport["send"] = async (request, ...call) => {
    const what = operationLabel(request.operation);
    const files = this.files();
    if (files === undefined) {
      throw new TenantError(
        "TENANT_NOT_CALLED",
        `${what}: tests do not call the tenant of their function; name a folder with recorded answers in ` +
          "registerTests({ tenant }) of @c1/test, or in tests.tenant of invoked.json; invoked test " +
          "--record FOLDER records them",
      );
    }
    try {
      return await (await this.#replayOf(files)).send(request, ...call);
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error;
      const message = `${what}: the recording of these tests is not valid: ${error.message}`;
      throw new TenantError("TENANT_NOT_RECORDED", message);
    }
  };

  /** What invoked.json declares holds until registerTests declares another folder. */
  #replayOf(files: readonly RecordingFile[]): Promise<ReplayTransport> {
    if (this.#last?.files !== files) this.#last = { files, replay: this.#read(files) };
    return this.#last.replay;
  }

  async #read(files: readonly RecordingFile[]): Promise<ReplayTransport> {
    const texts = new Map<string, string>();
    let bytes = 0;
    for (const { name, digest } of files) {
      if (!name.endsWith(".json")) continue;
      const content = await this.store.commitBlobs.get(digest);
      bytes += content.length;
      assertRecordingSize(name, bytes);
      texts.set(name, new TextDecoder().decode(content));
    }
    return await ReplayTransport.open(texts);
  }
}
