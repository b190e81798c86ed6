namespace Llama.Gpu.Kernels;

/// <summary>
/// Whose rows a group takes where one launch has the weights of queries, keys and values: the first groups the queries', the next ones the
/// keys', the last ones the values'.
/// </summary>
internal readonly struct QkvShare(int group, bool isQuery, bool isKey)
{
    /// <summary>Which of the weight's groups it is.</summary>
    public readonly int Group = group;

    /// <summary>Whether the weight is the queries'.</summary>
    public readonly bool IsQuery = isQuery;

    /// <summary>Whether the weight is the keys'.</summary>
    public readonly bool IsKey = isKey;

    /// <summary>This group's share.</summary>
    /// <param name="queryRows">Rows of the queries' weight.</param>
    /// <param name="keyRows">Rows of the keys' weight.</param>
    /// <param name="warpBlocks">Blocks of four rows that each warp of a group takes.</param>
    public static QkvShare Of(int queryRows, int keyRows, int warpBlocks)
    {
        int groupRows = Share.GroupRows(warpBlocks);
        int queryGroups = IntrinsicMath.DivRoundUp(queryRows, groupRows);
        int keyGroups = IntrinsicMath.DivRoundUp(keyRows, groupRows);
        int group = Grid.IdxX;
        bool isQuery = group < queryGroups;
        bool isKey = !isQuery && group < queryGroups + keyGroups;
        return new(isQuery ? group : isKey ? group - queryGroups : group - queryGroups - keyGroups, isQuery, isKey);
    }
}
