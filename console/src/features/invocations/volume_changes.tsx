import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { VolumeVersion } from "../../api/client.ts";
import { formatCount } from "../../parts/format.ts";
import { Properties, Section } from "../../parts/page.tsx";
import { Loaded } from "../../parts/states.tsx";
import { Name } from "../../parts/values.tsx";
import { versionsQuery, type WholeInvocation } from "./queries.ts";

/** The volume that was attached, and what changed from the version that it saw to its own. */
export function VolumeChanges({ invocation }: { readonly invocation: WholeInvocation }) {
  const { id, vfsId, vfsVersionRead, vfsVersionWritten } = invocation;
  if (vfsId === undefined) return null;
  return (
    <Section title="Volume">
      <Properties
        items={[
          ["Volume", <VersionLink key="volume" id={vfsId} />],
          vfsVersionRead === undefined
            ? undefined
            : ["Version read", <VersionLink key="read" id={vfsId} version={vfsVersionRead} />],
          [
            "Version written",
            vfsVersionWritten === undefined
              ? "None"
              : <VersionLink key="written" id={vfsId} version={vfsVersionWritten} />,
          ],
        ]}
      />
      {vfsVersionWritten === undefined ? null : (
        <Changes
          volumeId={vfsId}
          invocationId={id}
          read={vfsVersionRead ?? vfsVersionWritten - 1}
          written={vfsVersionWritten}
        />
      )}
    </Section>
  );
}

function VersionLink({ id, version }: { readonly id: string; readonly version?: number }) {
  return (
    <Link
      to="/volumes/$volumeId"
      params={{ volumeId: id }}
      search={version === undefined ? {} : { tab: "history", version }}
    >
      {version ?? <span className="mono">{id}</span>}
    </Link>
  );
}

function Changes({ volumeId, invocationId, read, written }: {
  readonly volumeId: string;
  readonly invocationId: string;
  readonly read: number;
  readonly written: number;
}) {
  const query = useQuery(versionsQuery(volumeId, read, written));
  return (
    <Loaded query={query}>
      {(versions) =>
        versions.length === 0
          ? <p className="muted">The volume no longer keeps these versions.</p>
          : versions.map((version) => (
            <VersionPaths
              key={version.version}
              version={version}
              isOwn={version.invocationId === invocationId}
            />
          ))}
    </Loaded>
  );
}

function VersionPaths(
  { version, isOwn }: { readonly version: VolumeVersion; readonly isOwn: boolean },
) {
  const { paths, pathCount } = version;
  return (
    <div>
      <h3>
        {isOwn ? "Changed by this invocation" : `Changed by others, in version ${version.version}`}
      </h3>
      <ul className="mono">
        {paths.map((path) => (
          <li key={path}>
            <Name value={path} />
          </li>
        ))}
      </ul>
      {pathCount > paths.length && (
        <p className="muted">And {formatCount(pathCount - paths.length)} more</p>
      )}
    </div>
  );
}
