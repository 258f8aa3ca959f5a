/** The whole window takes a photo: dropped from anywhere, or pasted. */
import { useLayoutEffect, useState } from "preact/hooks";
import { PhotoIcon } from "../icons";
import { uploading } from "./upload";

const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

/** The first photo among files; where none says that it is one, the first file: the server knows more formats. */
function pick(files: FileList | undefined): File | undefined {
  const all = [...(files ?? [])];
  return all.find((file) => file.type.startsWith("image/")) ?? all[0];
}

export function DropZone() {
  const [over, setOver] = useState(false);
  useLayoutEffect(() => {
    let depth = 0; // enter and leave come for every element on the way
    const enter = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!carriesFiles(event)) return;
      depth -= 1;
      if (depth <= 0) setOver(false);
    };
    const allow = (event: DragEvent) => {
      if (carriesFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      if (!carriesFiles(event)) return;
      event.preventDefault();
      const photo = pick(event.dataTransfer?.files);
      if (photo) void uploading.search(photo);
      else uploading.fail("That was not a photo file. Save the photo first, then drop the file here.");
    };
    const paste = (event: ClipboardEvent) => {
      const photo = pick(event.clipboardData?.files);
      if (!photo) return;
      event.preventDefault();
      void uploading.search(photo);
    };
    document.addEventListener("dragenter", enter);
    document.addEventListener("dragleave", leave);
    document.addEventListener("dragover", allow);
    document.addEventListener("drop", drop);
    document.addEventListener("paste", paste);
    return () => {
      document.removeEventListener("dragenter", enter);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("dragover", allow);
      document.removeEventListener("drop", drop);
      document.removeEventListener("paste", paste);
    };
  }, []);
  if (!over) return null;
  return (
    <div class="drop-zone" aria-hidden="true">
      <div class="drop-frame">
        <PhotoIcon />
        <p>Drop the photo to see what it looks like</p>
      </div>
    </div>
  );
}
