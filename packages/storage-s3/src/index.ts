export { driver, layer, layerConfig, make, Options } from "./S3Storage.ts"
