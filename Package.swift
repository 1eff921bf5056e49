// swift-tools-version: 6.0
import PackageDescription

// Two wings that meet in `Encoding`: see Documentation/Architecture.md. The data wing links no libtorch; WING=data leaves everything else out, to build and
// test it where there is none.
let isDataWingAlone = Context.environment["WING"] == "data"

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

// Paths come from pkg-config (`libtorch.pc` and `libarrow.pc` are written by `Scripts/setup`), so no target needs unsafe flags.
let dataWing: [Target] = [
    .systemLibrary(name: "CLibArrow", pkgConfig: "libarrow"),
    .systemLibrary(name: "CLibJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(name: "CLibPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(name: "CLibWebP", pkgConfig: "libwebpdemux", providers: [.apt(["libwebp-dev"]), .brew(["webp"])]),
    // Of FFmpeg the headers alone, by the `libav-headers.pc` that `Scripts/setup` writes: see CClips.h.
    .systemLibrary(
        name: "CLibAV", pkgConfig: "libav-headers",
        providers: [.apt(["libavformat-dev", "libavcodec-dev", "libavutil-dev", "libswscale-dev"]), .brew(["ffmpeg"])]),
    .target(name: "CArrow", dependencies: ["CLibArrow"]),
    .target(name: "CImages", dependencies: ["CLibJPEG", "CLibPNG", "CLibWebP"], linkerSettings: [.linkedLibrary("webp"), .linkedLibrary("z")]),
    .target(name: "CClips", dependencies: ["CLibAV"], linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "CStorage"),
    .target(name: "Storage", dependencies: ["CStorage", crypto, yams]),
    .target(name: "Pages", dependencies: ["Storage"]),
    .target(name: "Tokenizers", dependencies: ["Storage"], resources: [.copy("Resources/clip")]),
    .target(name: "Media", dependencies: ["Storage", "CImages", "CClips"]),
    .target(name: "Winners", dependencies: ["Media", "Tokenizers", "Pages", "CArrow", crypto, yams]),
    .target(name: "Commands", dependencies: ["Winners", arguments, yams]),
    .executableTarget(name: "seppo", dependencies: ["Commands"]),
    .target(name: "TestFiles", path: "Tests/TestFiles"),
    .testTarget(
        name: "StorageTests", dependencies: ["Storage", "CStorage", "TestFiles"], swiftSettings: isDataWingAlone ? [.define("DATA_WING")] : []),
    .testTarget(name: "TokenizersTests", dependencies: ["Tokenizers", "TestFiles"]),
    .testTarget(name: "MediaTests", dependencies: ["Media", "TestFiles"]),
    .testTarget(name: "WinnersTests", dependencies: ["Winners", "TestFiles"]),
]

let tensorWing: [Target] = [
    .systemLibrary(name: "CLibTorch", pkgConfig: "libtorch"),
    // Stand-ins for Gloo's headers, which libtorch's packages leave out.
    .target(name: "CTorch", dependencies: ["CLibTorch"], exclude: ["Gloo"], cxxSettings: [.headerSearchPath("Gloo")]),
    .target(name: "Torch", dependencies: ["CTorch", "Storage"]),
    .target(name: "Layers", dependencies: ["Torch"]),
    .target(name: "Networks", dependencies: ["Layers"]),
    .target(name: "Diffusion", dependencies: ["Networks", "Tokenizers", yams], resources: [.copy("Resources/scenes"), .copy("Resources/moving-scenes")]),
    .testTarget(name: "TorchTests", dependencies: ["Torch", "TestSupport"]),
    .testTarget(name: "LayersTests", dependencies: ["Layers"]),
    .testTarget(name: "DiffusionTests", dependencies: ["Diffusion", "TestSupport"]),
]

let house: [Target] = [
    .target(name: "Encoding", dependencies: ["Winners", "Diffusion"]),
    .target(name: "Alignment", dependencies: ["Encoding"]),
    .target(name: "Scoring", dependencies: ["Alignment"]),
    .target(name: "Reports", dependencies: ["Scoring", "Pages"]),
    .target(name: "Experiments", dependencies: ["Reports"]),
    .executableTarget(name: "seppo-engine", dependencies: ["Experiments", "Commands"]),
    .target(name: "TestSupport", dependencies: ["Diffusion", "TestFiles"], path: "Tests/TestSupport"),
    .testTarget(name: "EncodingTests", dependencies: ["Encoding", "TestSupport"]),
    .testTarget(name: "AlignmentTests", dependencies: ["Alignment", "TestSupport"]),
    .testTarget(name: "ScoringTests", dependencies: ["Scoring", "TestSupport"]),
    .testTarget(name: "ReportsTests", dependencies: ["Reports", "TestSupport"]),
    .testTarget(name: "ExperimentsTests", dependencies: ["Experiments", "TestSupport"]),
    .testTarget(name: "CommandTests", dependencies: ["seppo", "seppo-engine", "Experiments", "TestSupport"]),
    .testTarget(name: "FuzzTests", dependencies: ["seppo", "seppo-engine", "Experiments", "TestSupport"]),
]

let package = Package(
    name: "seppo",
    platforms: [.macOS(.v13)],
    products: [.library(name: "Winners", targets: ["Winners"]), .executable(name: "seppo", targets: ["seppo"])]
        + (isDataWingAlone
            ? []
            : [
                .executable(name: "seppo-engine", targets: ["seppo-engine"]),
                .library(name: "Torch", targets: ["Torch"]),
                .library(name: "Diffusion", targets: ["Diffusion"]),
                .library(name: "SePPO", targets: ["Encoding", "Alignment", "Scoring", "Reports", "Experiments"]),
            ]),
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.0"..<"5.0.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: dataWing + (isDataWingAlone ? [] : tensorWing + house),
    cxxLanguageStandard: .cxx20
)
