/** A package registry on the loopback interface that serves the packages of a test. */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";

/** A package: its manifest besides name and version, its files, symbolic links by path, and its URLs. */
export interface Made {
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  /** URL of the tarball in the metadata, instead of the registry's own. */
  readonly tarballAt?: string;
  /** URL that the registry redirects to from the URL of the tarball. */
  readonly redirectTo?: string;
}

/** A registry that is listening. */
export interface Registry extends AsyncDisposable {
  readonly url: string;
}

/** Serves each package as its version 1.0.0, with the tarball at a URL that npm does not prescribe. */
export function openRegistry(packages: Readonly<Record<string, Made>>): Registry {
  const tarballs = new Map(
    Object.entries(packages).map(([name, made]) => [name, pack(name, made)]),
  );
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const { pathname, origin } = new URL(request.url);
    const name = pathname.replace(/^\/odd\/|^\//, "").replace(/\.tgz$/, "");
    const tarball = tarballs.get(name);
    if (tarball === undefined) return new Response("{}", { status: 404 });
    const made = packages[name];
    if (pathname.startsWith("/odd/")) {
      return made?.redirectTo === undefined
        ? new Response(tarball)
        : Response.redirect(made.redirectTo);
    }
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const dist = { tarball: made?.tarballAt ?? `${origin}/odd/${name}.tgz`, integrity };
    const version = { ...manifest(name, made), dist };
    return Response.json({
      name,
      "dist-tags": { latest: "1.0.0" },
      versions: { "1.0.0": version },
    });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function manifest(name: string, made?: Made): Record<string, unknown> {
  return { name, version: "1.0.0", main: "index.js", ...made?.manifest };
}

function pack(name: string, made: Made): Uint8Array<ArrayBuffer> {
  const files = { "package.json": JSON.stringify(manifest(name, made)), ...made.files };
  return new Uint8Array(gzipSync(Buffer.concat([
    ...Object.entries(files).flatMap(([path, text]) => entry(`package/${path}`, text, "")),
    ...Object.entries(made.links ?? {}).flatMap(([path, to]) => entry(`package/${path}`, "", to)),
    Buffer.alloc(1024),
  ])));
}

/** One entry of a ustar archive: POSIX.1-2017, pax, "ustar Interchange Format". */
function entry(path: string, text: string, link: string): Buffer[] {
  const size = Buffer.byteLength(text);
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write("0000644\0", 100);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        ", 148);
  header.write(link === "" ? "0" : "2", 156);
  header.write(link, 157);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const body = Buffer.alloc(Math.ceil(size / 512) * 512);
  body.write(text);
  return [header, body];
}
