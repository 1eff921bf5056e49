// swift-tools-version: 6.0
import PackageDescription

// Eight floors, each using only those below it: see Documentation/Architecture.md.
let package = Package(
    name: "seppo",
    platforms: [.macOS(.v13)],
    products: [
        .executable(name: "seppo", targets: ["seppo"]),
        .library(name: "SePPO", targets: ["Torch", "Layers", "Diffusion", "Datasets", "Alignment", "Evaluation"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        // Paths come from pkg-config (`libtorch.pc` and `libarrow.pc` are written by `Scripts/setup`), so no target needs unsafe flags.
        .systemLibrary(name: "CLibTorch", pkgConfig: "libtorch"),
        .systemLibrary(name: "CLibArrow", pkgConfig: "libarrow"),
        .systemLibrary(name: "CFFmpeg", pkgConfig: "libavcodec", providers: [.apt(["libavcodec-dev", "libavutil-dev"]), .brew(["ffmpeg"])]),
        // Stand-ins for Gloo's headers, which libtorch's packages leave out.
        .target(name: "CTorch", dependencies: ["CLibTorch"], exclude: ["Gloo"], cxxSettings: [.headerSearchPath("Gloo")]),
        .target(name: "CArrow", dependencies: ["CLibArrow"]),
        .target(name: "Torch", dependencies: ["CTorch"]),
        .target(name: "Layers", dependencies: ["Torch"]),
        .target(name: "Diffusion", dependencies: ["Layers", .product(name: "Yams", package: "Yams")], resources: [.copy("Resources/clip")]),
        .target(
            name: "Datasets", dependencies: ["Diffusion", "CFFmpeg", "CArrow", .product(name: "Yams", package: "Yams")],
            resources: [.copy("Resources/scenes")]),
        .target(name: "Alignment", dependencies: ["Datasets", .product(name: "Yams", package: "Yams")]),
        .target(name: "Evaluation", dependencies: ["Alignment"]),
        .executableTarget(
            name: "seppo",
            dependencies: [
                "Evaluation", .product(name: "ArgumentParser", package: "swift-argument-parser"), .product(name: "Yams", package: "Yams"),
            ]),
        .target(name: "TestSupport", dependencies: ["Diffusion"], path: "Tests/TestSupport"),
        .testTarget(name: "LayersTests", dependencies: ["Layers"]),
        .testTarget(name: "TorchTests", dependencies: ["Torch", "TestSupport"]),
        .testTarget(name: "DiffusionTests", dependencies: ["Diffusion", "TestSupport"]),
        .testTarget(name: "DatasetsTests", dependencies: ["Datasets", "TestSupport"]),
        .testTarget(name: "AlignmentTests", dependencies: ["Alignment", "TestSupport"]),
        .testTarget(name: "EvaluationTests", dependencies: ["Evaluation"]),
        .testTarget(name: "CommandTests", dependencies: ["seppo", "Evaluation", "TestSupport"]),
        .testTarget(name: "FuzzTests", dependencies: ["seppo", "Evaluation", "TestSupport"]),
    ],
    cxxLanguageStandard: .cxx20
)
