import { useEffect, useState } from "react";
import { own } from "../../parts/own.ts";

const TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
};

/** The media type of an image by its name. SVG is text: it can have scripts. */
export function imageType(path: string): string | undefined {
  return own(TYPES, path.split(".").at(-1)?.toLowerCase() ?? "");
}

export function ImagePreview(
  { bytes, type, path }: {
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly type: string;
    readonly path: string;
  },
) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([bytes], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes, type]);
  return url === undefined ? null : <img className="volumes-image" src={url} alt={path} />;
}
