/**
 * A thumbnail that fades in when it has come, and is there at once where the browser holds it already. One that fails
 * is asked for again a few times, ever more slowly: the server may be starting again.
 */
import { useRef, useState } from "preact/hooks";

const FIRST_RETRY_MS = 1_000;
const RETRIES = 6;

export function Thumbnail({ src, alt }: { src: string; alt: string }) {
  const [shown, setShown] = useState<"waiting" | "faded" | "at-once" | "failed">("waiting");
  const failures = useRef(0);

  const retry = (image: HTMLImageElement) => {
    setShown("failed");
    if (failures.current < RETRIES) {
      setTimeout(() => image.isConnected && image.setAttribute("src", src), FIRST_RETRY_MS * 2 ** failures.current);
    }
    failures.current += 1;
  };

  return (
    <img
      src={src}
      alt={alt}
      decoding="async"
      draggable={false}
      data-shown={shown}
      ref={(image) => {
        if (image?.complete && image.naturalWidth > 0 && shown === "waiting") setShown("at-once");
      }}
      onLoad={() => setShown((before) => (before === "at-once" ? before : "faded"))}
      onError={(event) => retry(event.currentTarget)}
    />
  );
}
