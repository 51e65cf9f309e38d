/// Draws a simulation as SVG: nodes and queries above, the replicas of both ways of deciding below.
package struct SimulationPlot {
    private static let (width, left, right) = (960.0, 70.0, 20.0)
    private let simulation: GrowthSimulation

    package init(_ simulation: GrowthSimulation) { self.simulation = simulation }

    package var svg: String {
        let clusterTop = 70.0, clusterHeight = 150.0, replicasTop = 275.0, replicasHeight = 300.0
        let most = max(simulation.reference.peak, simulation.steadied.peak)
        var out =
            #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 720" font-family="sans-serif" font-size="13">"#
            + "\n"
        out += ##"<rect width="960" height="720" fill="#ffffff"/>"## + "\n"
        out += text(
            70, 28, "One day of a cluster: 1 to 15,000 nodes, nodes that come and go, three steps of load", size: 17)
        out += frame(clusterTop, clusterHeight, "nodes (blue), queries a second (orange)")
        out += line(simulation.nodes.map(Double.init), most: 15_000, clusterTop, clusterHeight, "#1f77b4")
        out += line(simulation.queries, most: simulation.queries.max() ?? 1, clusterTop, clusterHeight, "#ff7f0e")
        out += label(clusterTop, "15,000") + label(clusterTop + clusterHeight, "0")
        out += frame(replicasTop, replicasHeight, "replicas")
        out += line(
            simulation.reference.replicas.map(Double.init), most: Double(most), replicasTop, replicasHeight, "#d62728")
        out += line(
            simulation.steadied.replicas.map(Double.init), most: Double(most), replicasTop, replicasHeight, "#2ca02c")
        out += label(replicasTop, "\(most)") + label(replicasTop + replicasHeight, "0")
        for hour in stride(from: 0, through: 24, by: 4) {
            out += text(x(Double(hour) / 24), replicasTop + replicasHeight + 18, "\(hour) h", anchor: "middle")
        }
        out += legend(y: 630, "#d62728", simulation.reference) + legend(y: 675, "#2ca02c", simulation.steadied)
        return out + "</svg>\n"
    }

    private func x(_ part: Double) -> Double { Self.left + part * (Self.width - Self.left - Self.right) }

    private func text(_ x: Double, _ y: Double, _ words: String, size: Int = 13, anchor: String = "start") -> String {
        "<text x=\"\(tenths(x))\" y=\"\(tenths(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\">\(words)</text>\n"
    }

    private func label(_ y: Double, _ words: String) -> String {
        text(Self.left - 6, y + 4, words, size: 11, anchor: "end")
    }

    private func frame(_ top: Double, _ height: Double, _ title: String) -> String {
        let box =
            "<rect x=\"\(tenths(Self.left))\" y=\"\(tenths(top))\" width=\"\(tenths(x(1) - Self.left))\" "
            + "height=\"\(tenths(height))\" fill=\"none\" stroke=\"#999999\"/>\n"
        return text(Self.left, top - 8, title) + box
    }

    /// The highest and lowest of each two minutes, so that a short dip shows.
    private func line(_ values: [Double], most: Double, _ top: Double, _ height: Double, _ color: String) -> String {
        var points: [String] = []
        let group = 12
        for start in stride(from: 0, to: values.count, by: group) {
            let part = values[start..<min(start + group, values.count)]
            guard let low = part.min(), let high = part.max() else { continue }
            for value in low == high ? [low] : [low, high] {
                let y = top + height * (1 - value / max(most, 1))
                points.append("\(tenths(x(Double(start) / Double(max(values.count, 1))))),\(tenths(y))")
            }
        }
        return
            "<polyline fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.3\" "
            + "points=\"\(points.joined(separator: " "))\"/>\n"
    }

    private func legend(y: Double, _ color: String, _ run: GrowthSimulation.Run) -> String {
        let facts =
            "\(run.changes) changes, \(run.flaps) of them flaps; too few replicas for \(run.shortSeconds) s, "
            + "at most \(run.longestShortage) s at a time; peak \(run.peak), \(Int(run.replicaHours)) replica hours"
        return "<rect x=\"70\" y=\"\(tenths(y - 10))\" width=\"14\" height=\"10\" fill=\"\(color)\"/>\n"
            + text(92, y, run.name) + text(92, y + 18, facts, size: 12)
    }

    private func tenths(_ value: Double) -> String {
        let scaled = Int((value * 10).rounded())
        return scaled % 10 == 0 ? "\(scaled / 10)" : "\(scaled / 10).\(scaled % 10)"
    }
}
