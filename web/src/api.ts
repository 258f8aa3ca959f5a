/**
 * The server's HTTP API, version 1: its types, and one function per route.
 *
 * Two things can go wrong and the page treats them differently: the server answers with an error that people can
 * read (`ApiError`), or no answer comes at all (`ServerGoneError`), in which case everything waits until it is back.
 */

export interface Photo {
  id: number;
  /** Empty, like `path`, when all its files have gone from the collection's folders. */
  name: string;
  path: string;
  title: string | null;
  width: number;
  height: number;
  taken_at: string | null;
  sha256: string;
  /** 0 to 1, by open_nsfw; null where photos are not judged. */
  nsfw: number | null;
}

export interface Facts {
  camera: string | null;
  lens: string | null;
  latitude: number | null;
  longitude: number | null;
  caption: string | null;
  keywords: string[];
  creator: string | null;
  copyright: string | null;
  focal_length_mm: number | null;
  f_number: number | null;
  exposure_seconds: number | null;
  iso: number | null;
}

/** Who says so: the photo's file, a person, or the network. */
export type Origin = "file" | "user" | "auto";

export interface Tag {
  /** The form in which tags are compared. */
  tag: string;
  /** As written. */
  raw: string;
  origin: Origin;
  score: number;
}

export interface MachineTag {
  namespace: string;
  predicate: string;
  value: string;
  /** The value as written. */
  raw: string;
  origin: Origin;
  score: number;
}

export interface Swatch {
  hex: string;
  name: string;
  /** Of the photo, 0 to 1. */
  share: number;
}

export interface Label {
  name: string;
  probability: number;
}

export interface Seen {
  tags: Tag[];
  machine_tags: MachineTag[];
  labels: Label[];
  palette: Swatch[];
  measures: Record<string, number>;
  nsfw: number | null;
}

export interface PhotoDetails extends Photo {
  facts: Facts;
  seen: Seen;
  format: string;
  bytes: number;
  paths: string[];
  added_at: string;
}

export interface Hit extends Photo {
  /** 0 to 1, larger is better. */
  score: number;
  /** Of each part of the query, by name. */
  parts: Record<string, number>;
}

export interface PhotoPage {
  photos: Photo[];
  /** `cursor` of the photos that follow; the id of the last photo is one too, even where nothing follows yet. */
  next: string | null;
  total: number;
}

export type ItemKind = "word" | "phrase" | "photo" | "colour" | "style" | "tag" | "machine tag" | "filter" | "ranking";

/** One item of a query, as it was understood. */
export interface QueryItem {
  kind: ItemKind;
  /** As the language writes it. */
  text: string;
  /** Below zero: less of it; null for what limits or orders. */
  weight: number | null;
  hex: string | null;
}

export interface Query {
  kind: "photo" | "upload" | "words" | "query";
  photo: Photo | null;
  upload: string | null;
  words: string | null;
  items: QueryItem[];
}

export interface Suggestion {
  kind: "tag" | "machine tag" | "word" | "query" | "key";
  text: string;
  /** The whole line with it. */
  query: string;
  n: number;
  /** Mistakes in what was typed. */
  n_edits: number;
  hex: string | null;
}

export interface SuggestedTag {
  tag: string;
  raw: string;
  /** Probability that it is right. */
  score: number;
}

/** What `PATCH /tags` takes: changes, or what an earlier answer gave to undo it. */
export type TagBody = { changes: Record<string, unknown>[] } | { restore: unknown[] };

export interface TagEdit {
  differences: { tag: string; raw: string; what: string; photo_ids: number[] }[];
  undo: TagBody;
}

/** A unit of the network: a coordinate of what it makes of a photo. */
export interface Unit {
  unit: number;
  value: number;
  /** Of the collection's mean. */
  typical: number;
  /** Where in the photo it is strongest; `box` is left, top, right, bottom, 0 to 1. */
  cells: { box: [number, number, number, number]; activation: number }[];
}

export interface WhyPhoto {
  photo: Photo;
  /** Rows of cells: what each gives to the likeness. */
  heat: number[][];
  /** What the network saw of the photo: left, top, right, bottom, 0 to 1. */
  box: [number, number, number, number];
  palette: Swatch[];
}

export interface Why {
  cosine: number;
  method: "shares" | "hiding";
  a: WhyPhoto;
  b: WhyPhoto;
  classes: { name: string; a: number; b: number }[];
  tags: string[];
}

/** How words were looked for beside what stands in texts: by a joint space, by classes seen, or not at all. */
export type WordsBy = "joint" | "classes" | "texts";

export interface Hits {
  query: Query;
  hits: Hit[];
  next_offset: number | null;
  stats: { words: WordsBy | null };
}

export interface Upload {
  id: string;
  width: number;
  height: number;
}

export interface Job {
  id: string;
  state: "counting" | "running" | "done" | "failed" | "stopped";
  done: number;
  total: number;
  added: number;
  updated: number;
  unchanged: number;
  moved: number;
  gone: number;
  failed: number;
  /** Photos per second. */
  rate: number | null;
  eta_seconds: number | null;
  message: string | null;
}

export interface Status {
  version: string;
  collection: string;
  photos: number;
  failures: number;
  encoder: string;
  /** Whether tags can be changed here. */
  writable: boolean;
  /** How words are looked for. */
  word_search: string;
  /** How styles are told. */
  style_search: string;
  jobs: Job[];
}

export interface Failure {
  path: string;
  reason: string;
}

/** The server answered, and said no. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly status: number,
    /** Characters of a query before what is wrong in it. */
    readonly position: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** No answer: the server has ended, or the network to it has. */
export class ServerGoneError extends Error {
  constructor() {
    super("The server does not answer.");
    this.name = "ServerGoneError";
  }
}

const ROOT = "/api/v1";

/** Statuses with which a proxy says that nobody is behind it. */
const GONE = new Set([0, 502, 503, 504]);

function toError(status: number, body: string): Error {
  if (GONE.has(status)) return new ServerGoneError();
  try {
    const { error } = JSON.parse(body) as { error: { code: string; message: string; position?: number } };
    return new ApiError(error.message, error.code, status, error.position ?? null);
  } catch {
    return new ApiError(`The server answered with status ${status}.`, "unknown", status);
  }
}

async function request<T>(address: string, options: RequestInit): Promise<T> {
  let response: Response;
  let body: string;
  try {
    response = await fetch(address, options);
    body = await response.text();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ServerGoneError();
  }
  if (!response.ok) throw toError(response.status, body);
  return JSON.parse(body) as T;
}

function get<T>(
  path: string,
  parameters: Record<string, string | number | null> = {},
  signal?: AbortSignal,
): Promise<T> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== null) query.set(name, String(value));
  const address = query.size > 0 ? `${ROOT}${path}?${query}` : `${ROOT}${path}`;
  return request<T>(address, { headers: { accept: "application/json" }, signal: signal ?? null });
}

export const getStatus = () => get<Status>("/status");
export const getFailures = () => get<{ failures: Failure[] }>("/failures");
export const getPhoto = (id: number) => get<PhotoDetails>(`/photos/${id}`);
export const getPhotos = (cursor: string | null, limit: number) => get<PhotoPage>("/photos", { limit, cursor });
export const getSimilar = (id: number, offset: number, k: number) => get<Hits>(`/photos/${id}/similar`, { k, offset });
export const getSimilarToUpload = (id: string, offset: number, k: number) =>
  get<Hits>(`/uploads/${id}/similar`, { k, offset });
export const search = (q: string, offset: number, k: number) => get<Hits>("/search", { q, k, offset });

export const complete = (q: string, limit: number, signal: AbortSignal) =>
  get<{ suggestions: Suggestion[] }>("/complete", { q, limit }, signal);
export const getWhy = (id: number, other: number, signal: AbortSignal) =>
  get<Why>(`/photos/${id}/why/${other}`, {}, signal);
export const getUnits = (id: number, k: number) => get<{ units: Unit[] }>(`/photos/${id}/units`, { k });
export const getUnitPhotos = (unit: number, k: number) => get<{ photos: Photo[] }>(`/units/${unit}/photos`, { k });

/** The tags that begin so, the most frequent first. */
export const getTags = (prefix: string, limit: number) =>
  get<{ tags: { tag: string; raw: string; photos: number }[] }>("/tags", { prefix, limit });
export const getSuggestedTags = (id: number, k: number) =>
  get<{ suggestions: SuggestedTag[] }>(`/photos/${id}/suggestions`, { k });
export const changeTags = (body: TagBody) =>
  request<TagEdit>(`${ROOT}/tags`, {
    method: "PATCH",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify(body),
  });

/** With the photo's content in its address, so that the browser may keep the thumbnail for good. */
export const thumbnailUrl = ({ id, sha256 }: Photo) => `${ROOT}/photos/${id}/thumbnail?v=${sha256.slice(0, 16)}`;
/** The same where the content is not known. */
export const thumbnailAddress = (id: number) => `${ROOT}/photos/${id}/thumbnail`;
export const imageUrl = (id: number) => `${ROOT}/photos/${id}/image`;
export const uploadThumbnailUrl = (id: string) => `${ROOT}/uploads/${id}/thumbnail`;

/**
 * Send a photo to search with. `fetch` cannot tell how much has been sent, hence XMLHttpRequest.
 *
 * @param onProgress called with the share sent, 0 to 1.
 */
export function postUpload(photo: Blob, onProgress: (share: number) => void, signal: AbortSignal): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${ROOT}/uploads`);
    request.setRequestHeader("content-type", photo.type || "application/octet-stream");
    request.upload.onprogress = (event) => onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(new ServerGoneError());
    request.onabort = () => reject(new DOMException("The upload was stopped.", "AbortError"));
    request.onload = () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText) as Upload);
      else reject(toError(request.status, request.responseText));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(photo);
  });
}
